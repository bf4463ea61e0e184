"""`rasa-qa help`: a page for each action, slot, intent, component and setting."""

import click

from rasa_qa_plugin.cli.options import json_option, print_json
from rasa_qa_plugin.handbook import Page, find, nearest, pages


@click.command("help")
@click.argument("topic", required=False)
@json_option
@click.pass_context
def help_(context: click.Context, topic: str | None, *, as_json: bool) -> None:
    """Explain an action, slot, intent, response, component, policy or setting.

    Says what it does, when it runs, and which YAML to paste where. Without a topic, all
    of them are listed.

    \b
    Examples:
      rasa-qa help
      rasa-qa help action_qa_ask_feedback
      rasa-qa help ConfidenceLogger
      rasa-qa help privacy --json
    """
    if topic is None:
        _list(as_json=as_json)
        return
    found = find(topic)
    if not found:
        close = nearest(topic)
        meant = f"did you mean {', '.join(close)}? " if close else ""
        root = context.find_root().command
        if isinstance(root, click.Group) and topic in root.list_commands(context):
            meant = f"that is a command: `rasa-qa {topic} --help`; "
        raise click.UsageError(f"{meant}`rasa-qa help` lists all topics")
    if as_json:
        print_json(found)
        return
    click.echo("\n".join(_page(page) for page in found), nl=False)


def _page(page: Page) -> str:
    lines = "".join(f"  {line}".rstrip() + "\n" for line in page.yaml.splitlines())
    title = click.style(f"{page.topic} ({page.kind})", bold=True)
    return f"{title}\n\n{page.text}\n\n{page.file}:\n\n{lines}"


def _list(*, as_json: bool) -> None:
    every = [page for found in pages().values() for page in found]
    if as_json:
        rows = [
            {"topic": page.topic, "kind": page.kind, "summary": page.summary}
            for page in every
        ]
        print_json(rows)
        return
    width = max(len(page.topic) for page in every)
    for kind in dict.fromkeys(page.kind for page in every):
        click.echo(click.style(kind, bold=True))
        for page in every:
            if page.kind == kind:
                click.echo(f"  {page.topic:{width}}  {page.summary}".rstrip())
