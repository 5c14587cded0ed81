"""Who may change which item."""


def may_change(user, item, context):
    if item.owner == user:
        return True
    return context.lookup(user, item)
