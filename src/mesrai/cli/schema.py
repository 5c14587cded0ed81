"""`mesrai schema`: the JSON Schemas of what the product writes and reads."""

import json

import click


@click.command()
@click.argument("what", type=click.Choice(["review", "policy"]), default="review")
def schema(what: str) -> None:
    """Print a JSON Schema: of a review as `--format json` writes it, or of mesrai-config.yml (policy)."""
    if what == "review":
        from mesrai.review.render.json_text import review_schema

        shown = review_schema()
    else:
        from mesrai.domain.policy_file import policy_schema

        shown = policy_schema()
    click.echo(json.dumps(shown, indent=2))
