"""`mesrai completion`: the script that teaches a shell to complete mesrai's commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash:  eval "$(mesrai completion bash)"         in ~/.bashrc
    zsh:   eval "$(mesrai completion zsh)"          in ~/.zshrc
    fish:  mesrai completion fish > ~/.config/fish/completions/mesrai.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "mesrai", "_MESRAI_COMPLETE").source())
