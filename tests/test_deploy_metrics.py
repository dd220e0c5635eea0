"""Alerts and dashboard: they can be read, and every metric they name is one that a server has."""

import json
import re
from pathlib import Path

import pytest
import yaml

from streamer.front.placement import Placement
from streamer.front.servers import Servers
from streamer.settings import Settings
from tests.streamer.server.http import client, new_room

DEPLOY = Path(__file__).parents[1] / "scripts" / "deploy"
RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text())
NAME = re.compile(r"\bearshot_[a-z_]+")
STAGES = {"received", "separated", "mixed", "sent"}


@pytest.fixture
async def names():
    """Of every sample a server or the front door gives."""
    async with client() as http:
        await new_room(http)
        text = (await http.get("/metrics")).text
    text += Servers(Settings(servers=2), "key", Placement()).metrics().decode()
    return set(re.findall(r"^(earshot_[a-z_]+)", text, re.M))


async def test_every_metric_of_an_alert_exists(names):
    assert len(RULES) == len({rule["alert"] for rule in RULES}) >= 8
    for rule in RULES:
        used = set(NAME.findall(rule["expr"]))
        assert used <= names and (used or rule["expr"].startswith("up{")), rule["alert"]
        assert rule["annotations"]["summary"] and rule["labels"]["severity"] in ("page", "warn")
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert set(re.findall(r'stage="(\w+)"', rule["expr"])) <= STAGES


async def test_every_metric_of_the_dashboard_exists(names):
    shown = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    used = {name for expr in shown for name in NAME.findall(expr)}
    assert used <= names and len(used) > 20
    for quantile in ("0.5", "0.95", "0.99"):
        assert any(f"histogram_quantile({quantile}, " in expr and "by (stage, le)" in expr for expr in shown)
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places) and len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
