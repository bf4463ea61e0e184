"""`python -m rasa_qa_plugin` is `rasa-qa`."""

from rasa_qa_plugin.cli import main

main()
