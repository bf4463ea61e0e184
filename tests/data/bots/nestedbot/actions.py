from rasa_sdk import Action


class Cook(Action):
    def name(self):
        return "action_cook"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Coming up!")
        return []
