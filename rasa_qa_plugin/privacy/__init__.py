"""Finding personal data in chat, and replacing it by stable tokens.

Importing this package costs nothing; importing its module ``engine`` loads Presidio.
"""
