"""Every setting of the server, in one class: flags, then EARSHOT_* variables, then earshot.toml."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from models.speech.languages import AUTO, ENGLISH, LANGUAGES, check_language

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

Past = Literal["all", "none"] | Annotated[int, Field(ge=1, le=24 * 60)]
"""How much of what was said and seen before somebody came they get: everything, nothing, or the last minutes."""


class SettingsError(ValueError):
    """The settings cannot be used; the message is one line for the person who wrote them."""


class IceServer(BaseModel):
    """One STUN or TURN server, as the browser's RTCIceServer writes it.

    Attributes:
        urls: `stun:`, `turn:` or `turns:` addresses.
        username: TURN user, if any.
        credential: TURN password, if any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: list[str] = Field(min_length=1)
    username: str | None = None
    credential: str | None = None

    @property
    def relays(self) -> bool:
        """Whether it is a TURN server."""
        return any(url.startswith(("turn:", "turns:")) for url in self.urls)

    @field_validator("urls", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("urls")
    @classmethod
    def _known_scheme(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not url.startswith(("stun:", "turn:", "turns:")) or any(c in url for c in '<>" \r\n'):
                raise ValueError(f"{url!r} is not a stun:, turn: or turns: address")
        return urls


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a listener on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Settings(BaseSettings):
    """What can be set. Durations are seconds, sizes are bytes, unless the name says otherwise.

    Raises:
        pydantic.ValidationError: a value is out of range, or the server would be open to a network
            without a secret and TLS while `insecure` is false.
    """

    model_config = SettingsConfigDict(
        env_prefix="EARSHOT_",
        toml_file="earshot.toml",
        extra="forbid",
        env_nested_delimiter="__",
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    servers: int = Field(default=1, ge=1, le=64)
    secret: SecretStr | None = None
    token_key: SecretStr | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    proxies: Annotated[tuple[str, ...], NoDecode] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    bundle: bool = True

    engine: bool = True
    device: str = "cpu"
    max_faces: int = Field(default=6, ge=1, le=6)
    observer: bool = True
    speech: Annotated[str, Field(pattern=r"none|moonshine|faster-whisper:.+")] = "moonshine"
    language: str = AUTO

    ice_servers: tuple[IceServer, ...] = ()
    turn_secret: SecretStr | None = None
    turn_lifetime: float = Field(default=12 * 3600.0, ge=60)
    udp_ports: Annotated[str, Field(pattern=r"[0-9]{1,5}-[0-9]{1,5}")] | None = None
    announced_addresses: Annotated[tuple[str, ...], NoDecode] = ()
    private_candidates: bool = True
    connect_deadline: float = Field(default=20.0, gt=0, le=60)
    gather_deadline: float = Field(default=8.0, gt=0, le=30)
    close_deadline: float = Field(default=3.0, gt=0, le=30)
    silence_deadline: float = Field(default=10.0, gt=0, le=60)

    max_rooms: int = Field(default=64, ge=1)
    room_idle: float = Field(default=600.0, gt=0)
    max_publishers: int = Field(default=8, ge=1, le=8)
    max_watchers: int = Field(default=32, ge=0, le=256)
    max_idle: int = Field(default=32, ge=1, le=256)
    max_waiting: int = Field(default=32, ge=1, le=256)
    waiting_room: bool = False
    past: Past = "none"
    max_peers: int = Field(default=256, ge=1)
    keep: Path | None = None
    resume_grace: float = Field(default=10.0, gt=0)
    drain: float = Field(default=0.0, ge=0, le=24 * 3600)

    recordings: Path | None = None
    recordings_space: int = Field(default=20 * 1024**3, ge=1024**2)
    recordings_lifetime: float = Field(default=7 * 24 * 3600.0, ge=60)

    invite_lifetime: float = Field(default=12 * 3600.0, gt=0)
    token_lifetime: float = Field(default=300.0, ge=10)
    heartbeat: float = Field(default=2.5, gt=0)
    heartbeat_timeout: float = Field(default=8.0, gt=0)
    hello_deadline: float = Field(default=5.0, gt=0)

    max_connections: int = Field(default=4096, ge=16)
    connections_per_client: int = Field(default=128, ge=8)
    request_deadline: float = Field(default=10.0, gt=0, le=60)
    unread_deadline: float = Field(default=10.0, gt=0, le=60)
    body_limit: int = Field(default=64 * 1024, ge=1024)
    body_deadline: float = Field(default=10.0, gt=0, le=60)
    message_limit: int = Field(default=16 * 1024, ge=1024)
    messages_per_second: float = Field(default=50.0, gt=0)
    requests_per_second: float = Field(default=10.0, gt=0)
    requests_burst: int = Field(default=60, ge=1)

    @field_validator("allowed_origins", "allowed_hosts", "proxies", "announced_addresses", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _whole_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise ValueError(f"{origin!r} is not an origin such as https://example.org")
        return origins

    @field_validator("language")
    @classmethod
    def _known_language(cls, code: str) -> str:
        check_language(code)
        return code

    @field_validator("proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            ipaddress.ip_network(proxy, strict=False)
        return proxies

    @field_validator("announced_addresses")
    @classmethod
    def _one_of_a_family(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        parsed = [ipaddress.ip_address(address) for address in addresses]
        if len({address.version for address in parsed}) != len(parsed):
            raise ValueError("at most one IPv4 and one IPv6 address can be announced")
        return tuple(str(address) for address in parsed)

    @field_validator("udp_ports")
    @classmethod
    def _first_and_last_port(cls, ports: str | None) -> str | None:
        if ports is not None:
            first, last = map(int, ports.split("-"))
            if not 1024 <= first <= last <= 65535:
                raise ValueError(f"{ports} is not a first and a last port from 1024 to 65535")
        return ports

    @field_validator("secret", "token_key")
    @classmethod
    def _long_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 16:
            raise ValueError("it needs at least 16 characters")
        return secret

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.language not in (AUTO, ENGLISH) and self.speech == "moonshine":
            # It takes seconds to import.
            from models.speech.transcriber import has_second_reader

            if not has_second_reader(self.speech):
                raise ValueError(f"{LANGUAGES[self.language]} needs another reader: pip install 'earshot[languages]'")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        for path in (self.tls_cert, self.tls_key):
            if path is not None and not path.is_file():
                raise ValueError(f"{path} is not a file")
        if not is_loopback(self.host) and not self.insecure and not (self.secret and self.tls_cert):
            raise ValueError(
                f"host {self.host} can be reached from the network: set secret, tls_cert and tls_key, "
                "or insecure=true if something in front of the server protects it"
            )
        if self.turn_secret and not any(server.relays and server.username is None for server in self.ice_servers):
            raise ValueError("turn_secret needs a turn: or turns: address without a user in ice_servers")
        if self.keep and self.servers == 1 and not (self.secret or self.token_key):
            raise ValueError("keep needs a secret: without one no link is good after a restart")
        if self.heartbeat_timeout <= self.heartbeat:
            raise ValueError("heartbeat_timeout must be longer than heartbeat")
        return self

    @property
    def host_names(self) -> tuple[str, ...]:
        """Host names a request may carry; empty means any.

        A server on the loopback address answers to loopback names only, or a web page elsewhere could
        reach it by pointing its own name at 127.0.0.1 (DNS rebinding).
        """
        if self.allowed_hosts:
            return self.allowed_hosts
        return LOOPBACK_NAMES if is_loopback(self.host) else ()

    @property
    def udp_port_range(self) -> range | None:
        """Ports that media may use; None for any."""
        if self.udp_ports is None:
            return None
        first, last = map(int, self.udp_ports.split("-"))
        return range(first, last + 1)

    @property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Where the proxies are whose word for a client's address is taken."""
        return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in self.proxies)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: Any) -> Settings:
    """Read flags, environment and file.

    Args:
        flags: values that win over the others; None means "not given".

    Returns:
        Checked settings.

    Raises:
        SettingsError: with one line that names the setting and the fault.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            name = ".".join(str(part) for part in fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            faults.append(f"{name}: {message}" if name else message)
        raise SettingsError("; ".join(faults)) from error
    except (ValueError, OSError) as error:
        raise SettingsError(f"earshot.toml or the environment: {error}".replace("\n", " ")) from error
