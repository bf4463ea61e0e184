"""What people say about consent, their data and answers, whatever a bot was taught.

A bot would need a thousand training examples to understand it, and would train longer
for them; here they are, apart from the bot's own data.
"""
