"""`vaultdash templates list` and `vaultdash templates show`."""

from __future__ import annotations

from typing import Annotated

import typer

from vaultdash.cli.options import JsonOption

app = typer.Typer(
    help="Hedge templates: rules to buy, roll and settle puts by.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_templates(*, json: JsonOption = False) -> None:
    """List every template."""
    from vaultdash.cli.output import console_for_data, print_json, print_table
    from vaultdash.cli.tables import plain_table
    from vaultdash.hedge.template import HedgeTemplate
    from vaultdash.workbench import Workbench

    templates = Workbench().templates()
    if json:
        from vaultdash.cli.documents import to_json

        print_json(to_json(templates, tuple[HedgeTemplate, ...]))
        return
    rows = [[each.slug, f"v{each.version}", each.status, each.display_name] for each in templates]
    print_table(console_for_data(), plain_table(("Template", "Ver", "Status", "What it is"), rows))


@app.command("show")
def show_template(
    slug: Annotated[str, typer.Argument(help="The template's slug.")], *, json: JsonOption = False
) -> None:
    """Show one template: its legs, its strikes and when it rolls. The JSON is what --template FILE reads."""
    from vaultdash.cli.output import console_for_data, print_json, print_table
    from vaultdash.cli.tables import plain_table
    from vaultdash.hedge.template import HedgeTemplate
    from vaultdash.workbench import Workbench

    template = Workbench().template(slug)
    if json:
        from vaultdash.cli.documents import to_json

        print_json(to_json(template, HedgeTemplate))
        return
    console = console_for_data()
    console.print(f"{template.slug} v{template.version} ({template.status}): {template.display_name}")
    console.print(template.description)
    console.print()
    rows = [
        [
            leg.leg_id,
            f"{leg.side} {leg.option_type}",
            str(leg.strike_rule),
            f"{leg.target_expiry_days} days",
            f"{leg.allocation_weight:.2%}",
            f"{leg.target_coverage_pct:.0%}",
        ]
        for leg in template.legs
    ]
    print_table(console, plain_table(("Leg", "Option", "Strike", "Tenor", "Weight", "Coverage"), rows))
    console.print()
    policy = template.roll_policy
    rolls = (
        "held to expiry, settled at intrinsic and bought again the same session"
        if policy.policy_type == "hold_to_expiry"
        else f"replaced {policy.days_before_expiry} sessions before expiry"
    )
    console.print(f"Roll: {rolls}. Size: {template.contract_mode}. Underlying: {template.underlying_symbol}.")
