"""What Ray knows the cluster's actors by."""

from __future__ import annotations

NAMESPACE = "earshot"

MANAGER = "manager"

KEEPERS = ("keeper-0", "keeper-1")

SERVER = "media-"
"""Before a media server's number."""

MODELS = "models-"
"""Before the kind and number of an engine or an observer that all media servers use."""
