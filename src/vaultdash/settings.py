"""Settings from the environment and a `.env` file."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vaultdash.errors import UnreadableValueError


class Settings(BaseSettings):
    """What the environment says. Limits in USD; the key is never shown by `repr`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    databento_api_key: SecretStr | None = Field(default=None, alias="DATABENTO_API_KEY")
    databento_gateway: str | None = Field(default=None, alias="VAULTDASH_DATABENTO_GATEWAY")
    home: Path = Field(default_factory=lambda: user_data_path("vaultdash"), alias="VAULTDASH_HOME")
    spend_limit_usd: float = Field(default=5.0, ge=0, allow_inf_nan=False, alias="VAULTDASH_SPEND_LIMIT_USD")
    spend_limit_per_month_usd: float = Field(
        default=50.0, ge=0, allow_inf_nan=False, alias="VAULTDASH_SPEND_LIMIT_PER_MONTH_USD"
    )


def read_settings() -> Settings:
    """Read the settings. Raises UnreadableValueError naming the variable that cannot be used."""
    try:
        return Settings()
    except (UnicodeDecodeError, OSError) as error:
        raise UnreadableValueError(what=".env", text=str(error), expected="it as UTF-8 text, or remove it") from None
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        raise UnreadableValueError(
            what=name, text=str(problem["input"]), expected=f"a value that fits ({problem['msg'].lower()})"
        ) from None
