"""Step 3: who calls for help, and from where."""

from flicbridge.cli.setup import answers
from flicbridge.cli.setup.site import Site


def ask_people(site: Site) -> None:
    """Ask for the doctor and the practice; each answer is written at once."""
    talk, draft, _ = site.talk, site.draft, site.words
    text = answers.line(_)
    doctor = talk.ask(_("Name of the doctor, as helpers shall read it"), text, draft.text("doctor", "name"))
    draft.put("doctor", "name", value=doctor)
    question = _("Phone number on which helpers call back")
    draft.put("doctor", "phone", value=talk.ask(question, answers.phone(_), draft.text("doctor", "phone")))
    practice = talk.ask(_("Name of the practice"), text, draft.text("practice", "name"))
    draft.put("practice", "name", value=practice)
    for key, question in (
        ("room", _("Which room (Enter: none)")),
        ("access", _("How to get in: floor, door code (Enter: nothing)")),
    ):
        answer = talk.ask_optional(question, text, draft.text("practice", key))
        if answer or draft.get("practice", key):
            draft.put("practice", key, value=answer)
    proposed = draft.text("bridge", "id") or f"{answers.near_name(practice)[:37].rstrip('-_')}-1"
    question = _("Short name of this bridge, which stands in every alert")
    draft.put("bridge", "id", value=talk.ask(question, answers.name(_), proposed))
