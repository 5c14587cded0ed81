"""What is made from the code for operators: `python -m tests.operate_pages` writes it, a test compares it."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from mesrai.domain.figures import OF_THE_DATABASE, OF_THE_PROCESS
from mesrai.domain.tally import Family
from mesrai.llm.catalogue import load_catalogue
from mesrai.settings import FIXED_NAMES, PROCESS_NAMES, SLOT_NAMES
from mesrai.settings.oidc import OIDC_NAMES
from mesrai.settings.operating import OPERATING_NAMES
from mesrai.settings.serving import SERVING_NAMES

ROOT = Path(__file__).parents[1]
ENV_EXAMPLE = ROOT / "deploy" / ".env.example"
METRICS_PAGE = ROOT / "docs" / "operate" / "metrics.md"
_METRICS_INTRO = """\
# Metrics

Made from the code by `python -m tests.operate_pages`.

`mesrai serve` and `mesrai worker` show figures for Prometheus at `/metrics` of a listener of their own, if you name its
port: `MESRAI_METRICS_PORT=9464` or `--metrics-port 9464`. It listens at 127.0.0.1 unless `MESRAI_METRICS_HOST` says
otherwise, asks nobody for a password, and answers `/health/live` and `/health/ready` too. What it shows holds no
secret, but names models, accounts and what was spent: let only Prometheus reach it.

The figures of the database are the same in every process: take one of them, with `max without (instance) (…)`. Those
of the process are to be summed. Figures are read at most every two seconds.
[alarms.md](alarms.md) says what to watch.
"""
_INTRO = """\
# Every variable that Mesrai reads, made from the code by `python -m tests.operate_pages`.
# Copy it to .env and take the # away from what you set: cp .env.example .env; chmod 600 .env
# Nothing here is needed to begin: the pages lead through the rest. docs/settings.md says more."""
_SEALED = {"API_CRYPTO_KEY": "The master key, under the name that fixed mode uses: 64 hexadecimal digits."}


def env_template() -> str:
    """The text of the file."""
    main = {f"MESRAI_{name}": text for name, (_, text) in SLOT_NAMES.items()}
    fallback = {f"MESRAI_FALLBACK_{name}": "" for name in SLOT_NAMES}
    parts = [
        _INTRO,
        *_part("The service", SERVING_NAMES),
        *_part("Signing in at a provider of yours", OIDC_NAMES),
        *_part("The log, metrics and proxies", OPERATING_NAMES),
        *_part("The database, and the key that seals", PROCESS_NAMES),
        *_part("Fixed mode: a model that is connected by these names alone", {**FIXED_NAMES, **_SEALED}),
        *_part("The main model, in place of one that is connected on the pages", main),
        *_part("The fallback, by the same names", fallback),
        *_part("Keys under the usual names of providers", _vendor_names()),
    ]
    return "\n".join(parts) + "\n"


def metrics_page() -> str:
    """docs/operate/metrics.md."""
    parts = [_METRICS_INTRO]
    for title, families in (("Of the process", OF_THE_PROCESS), ("Of the database", OF_THE_DATABASE)):
        parts += [f"## {title}", "", "| figure | kind | labels | what it is |", "| --- | --- | --- | --- |"]
        parts += [_figure(each) for each in families]
        parts.append("")
    return "\n".join(parts)


def _figure(family: Family) -> str:
    labels = ", ".join(f"`{each}`" for each in family.labels) or "–"
    return f"| `{family.name}` | {family.kind} | {labels} | {family.meaning} |"


def names_in(template: str) -> list[str]:
    """The variables of a template, in their order."""
    lines = [line.removeprefix("# ").partition("=") for line in template.splitlines() if "=" in line]
    return [name for name, sign, _ in lines if sign and name.replace("_", "").isalnum() and name.isupper()]


def _part(title: str, names: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    for name, text in names.items():
        plain = text.replace("`", "")
        if plain:
            yield ""
            yield from textwrap.wrap(plain, 110, initial_indent="# ", subsequent_indent="# ")
        yield f"# {name}="


def _vendor_names() -> Mapping[str, str]:
    rows = load_catalogue().providers
    return {name: "" for row in rows for name in (*row.key_names, *row.base_url_names)}


def main() -> None:
    """Write them."""
    ENV_EXAMPLE.write_text(env_template(), "utf-8")
    METRICS_PAGE.write_text(metrics_page(), "utf-8")


if __name__ == "__main__":
    main()
