"""The words of the product: frozen data and pure rules, no I/O."""
