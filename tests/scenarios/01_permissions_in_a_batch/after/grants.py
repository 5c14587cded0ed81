"""Who may change which item."""


def may_change(user, item, context):
    if item.owner == user:
        return True
    if context.grants_of_page is not None:
        return user in context.grants_of_page.get(item.id, ())
    return context.lookup(user, item)
