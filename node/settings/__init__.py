"""The one settings model of the appliance, shared by the web process, the node and the command line.

Sources, the strongest first: options of the command, the environment (ALKNET_<SECTION>__<KEY>, ALKNET_DATA and
ALKNET_CONFIG), the TOML file (ALKNET_CONFIG, else DATA/alknet.toml), defaults. No setting is a secret: secrets are
files below DATA/secrets. Whatever is unknown or wrong stops the start, by its name and its place.
"""

from node.settings.model import LiveSettings, LogSettings, Settings, is_live, known_keys, variable_name
from node.settings.sources import (
    CONFIG_VARIABLE,
    DATA_VARIABLE,
    MAX_CONFIG_FILE,
    LoadedSettings,
    SettingsError,
    load_settings,
)
from node.settings.values import HANDLERS

__all__ = [
    "CONFIG_VARIABLE",
    "DATA_VARIABLE",
    "HANDLERS",
    "MAX_CONFIG_FILE",
    "LiveSettings",
    "LoadedSettings",
    "LogSettings",
    "Settings",
    "SettingsError",
    "is_live",
    "known_keys",
    "load_settings",
    "variable_name",
]
