"""Items with the items inside them."""

from grants import may_change


def shown(user, item, context):
    inner = [shown(user, each, context) for each in item.children]
    return {"id": item.id, "may_change": may_change(user, item, context), "inner": inner}
