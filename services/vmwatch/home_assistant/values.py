"""How Home Assistant gets its values out of Leeward's own messages: templates in its Jinja.

A snapshot lists the events of the whole group, so each template first picks those of the snapshot's own host. What is
neither Scheduled nor Started is advice (docs/vmwatch.md) and announces nothing. `None` is Home Assistant's word for a
value that is not known.
"""

from typing import Final

_OWN: Final = """\
{% set own = value_json.host | lower %}
{% set found = namespace(started=[], dated=[], undated=[]) %}
{% for event in value_json.events if own in event.resources | map('lower') | list %}
{% if event.status == 'Started' %}{% set found.started = found.started + [event] %}
{% elif event.status == 'Scheduled' and event.notBefore %}{% set found.dated = found.dated + [event] %}
{% elif event.status == 'Scheduled' %}{% set found.undated = found.undated + [event] %}
{% endif %}{% endfor %}
{% set event = (found.started + found.dated | sort(attribute='notBefore') + found.undated) | first %}
"""
"""What is on comes first, then what begins soonest, then what does not say when; undefined when calm."""

MAINTENANCE: Final = _OWN + "{{ 'ON' if event is defined else 'OFF' }}"
NEXT_EVENT: Final = _OWN + "{{ event.type if event is defined else 'calm' }}"
NEXT_EVENT_DETAILS: Final = _OWN + "{{ (event if event is defined else {}) | tojson }}"
NOT_BEFORE: Final = _OWN + "{{ event.notBefore if event is defined and event.notBefore else 'None' }}"

DRAIN: Final = "{{ value_json.state if value_json is defined else 'None' }}"
DRAIN_DETAILS: Final = "{{ (value_json if value_json is defined else {}) | tojson }}"
"""A drain that is over is an empty message, which is no JSON."""

PRESENCE: Final = "{{ value_json.state }}"
WATCHER: Final = "{{ 'ON' if value_json.state == 'online' else 'OFF' }}"
POLLS: Final = "{{ 'ON' if value_json.pollOk else 'OFF' }}"
METADATA: Final = "{{ value_json.metadata or 'None' }}"
