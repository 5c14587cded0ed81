"""One review with something of everything, for the tests of what shows a review."""

from dataclasses import replace

from tests.factories import a_coverage, a_dropped, a_finding, a_review, a_suggestion, an_unanchored

from mesrai.domain.diff import Side
from mesrai.domain.finding import Category, Severity
from mesrai.domain.review import ChangeFacts, FileStatus, Outcome, Review
from mesrai.review.render.code import lines_in

CART = '''from decimal import Decimal

from shop.money import Money


class Cart:
    def __init__(self, items):
        self.items = list(items)

    def total(self):
        """The price of everything in the cart."""
        result = 0.0
        for item in self.items:
            result += item.price
        return Money(result)

    def discount(self, code):
        query = "select percent from codes where code = '%s'" % code
        row = self.db.execute(query).fetchone()
        return Decimal(row[0])
'''
USER = """export async function load(id: string): Promise<User> {
  const response = await fetch(`/api/users/${id}`);
  return response.json();
}
"""
OLD_VIEWS = """def checkout(request):
    check_csrf(request)
    return pay(request)
"""
SAMPLE_LINES = lines_in({"shop/cart.py": CART, "web/src/user.ts": USER}, {"shop/views.py": OLD_VIEWS})

_FINDINGS = (
    a_finding(
        "A discount code can inject SQL",
        severity=Severity.CRITICAL,
        category=Category.SECURITY,
        path="shop/cart.py",
        start_line=18,
        end_line=19,
        body="The code comes from the request and is put into the query by `%`. A code such as `' or 1=1 --` reads "
        "every row.\n\nPass it as a parameter:\n\n```python\nself.db.execute(query, (code,))\n```",
        evidence="`code` is `request.form['code']` in `shop/views.py:31`, unchecked on the way; the driver is opened "
        "with `multi=True` in `shop/db.py:12`, so that a second statement would run as well.",
        confidence=0.97,
        suggestion=a_suggestion(
            18,
            19,
            '        query = "select percent from codes where code = %s"\n'
            "        row = self.db.execute(query, (code,)).fetchone()",
        ),
    ),
    a_finding(
        path="shop/cart.py",
        start_line=13,
        end_line=14,
        body="`total` adds each price **once**, so an order of three costs as much as one of one.\n\n"
        "- a cart with 3 × 10.00 gives 10.00\n- the invoice says 30.00",
        suggestion=a_suggestion(
            13, 14, "        for item in self.items:\n            result += item.price * item.count"
        ),
        also_at=("shop/invoice.py:12",),
    ),
    a_finding(
        "Checking out no longer checks the CSRF token",
        path="shop/views.py",
        side=Side.OLD,
        category=Category.SECURITY,
        body="The check went with the old helper and nothing replaces it.",
        evidence="",
    ),
    a_finding(
        "A failed request is parsed as a user",
        severity=Severity.MEDIUM,
        category=Category.ERROR_HANDLING,
        path="web/src/user.ts",
        start_line=2,
        end_line=3,
        body="`fetch` resolves for 404 and 500 too.",
        evidence="",
        suggestion=a_suggestion(
            3,
            3,
            "  if (!response.ok) {\n    throw new Error(`user ${id}: ${response.status}`);\n  }\n"
            "  return response.json();",
        ),
    ),
    a_finding(
        "`decimal.Decimal` imported but unused",
        severity=Severity.LOW,
        category=Category.CODE_STYLE,
        path="shop/cart.py",
        start_line=1,
        end_line=1,
        body="`decimal.Decimal` imported but unused",
        evidence="ruff F401",
        source="ruff F401",
        confidence=0.8,
        suggestion=a_suggestion(1, 1, ""),
    ),
)


def a_full_review() -> Review:
    """Reviewed, with findings of every kind."""
    return a_review(
        *_FINDINGS,
        summary="The cart computes its own total and applies discount codes; the web client loads users by id.",
        unanchored=(an_unanchored(path="shop/invoice.py", body="`round(total)` was right for floats only."),),
        dropped=(
            a_dropped(path="shop/cart.py"),
            a_dropped("The list is shared", reason="its severity is below medium", line=None),
        ),
        coverage=(
            a_coverage("shop/cart.py", hunks_read=3, hunks=3),
            a_coverage("shop/views.py"),
            a_coverage("web/src/user.ts"),
            a_coverage("package-lock.json", status=FileStatus.SKIPPED, reason="lock file", hunks_read=0, hunks=9),
        ),
        change=ChangeFacts(base="b" * 40, head="working tree", files=4, additions=61, deletions=12),
    )


def a_partial_review() -> Review:
    """The same, but two files were not read."""
    full = a_full_review()
    reason = "The provider is overloaded."
    return replace(
        full,
        outcome=Outcome.PARTIAL,
        coverage=(
            *full.coverage,
            a_coverage("shop/huge.py", status=FileStatus.PARTIAL, reason=reason, hunks_read=2, hunks=11),
            a_coverage("shop/db.py", status=FileStatus.FAILED, reason=reason, hunks_read=0, hunks=3),
        ),
        failures=(reason,),
        notices=("kimi-k2.6 was out of credit; gpt-5.2 took over.",),
    )


def a_failed_review() -> Review:
    """Nothing could be reviewed."""
    reason = "The provider does not accept this key."
    return a_review(
        outcome=Outcome.FAILED,
        summary="",
        coverage=(a_coverage(status=FileStatus.FAILED, hunks_read=0, reason=reason),),
        failures=(reason,),
        models=(),
    )
