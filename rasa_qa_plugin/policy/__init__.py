"""ADAPTERS to Rasa: the policies that `config.yml` names, and the rules they go by."""
