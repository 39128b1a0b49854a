"""`vaultdash doctor`: what is installed and configured, secrets redacted."""

from __future__ import annotations

from vaultdash.cli.options import JsonOption


def doctor(*, json: JsonOption = False) -> None:
    """Say what is installed and configured. Keys are never shown."""
    import platform
    from importlib.metadata import version

    from vaultdash.cli.output import console_for_data, print_json, print_table
    from vaultdash.cli.tables import plain_table
    from vaultdash.settings import read_settings

    settings = read_settings()
    facts = {
        "vaultdash": version("vaultdash"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "data folder": str(settings.home),
        "databento key": "set" if settings.databento_api_key else "not set",
        "spend limit per request (USD)": f"{settings.spend_limit_usd:g}",
        "spend limit per month (USD)": f"{settings.spend_limit_per_month_usd:g}",
    }
    if json:
        import json as json_module

        print_json(json_module.dumps(facts, indent=2))
        return
    print_table(console_for_data(), plain_table(("What", "Is"), [[name, fact] for name, fact in facts.items()]))
