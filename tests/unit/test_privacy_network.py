"""IP addresses and URLs: found whole, and told from versions, times and fractions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.passage import BARRIER, Passage
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.network import (
    IpAddressRecognizer,
    WebAddressRecognizer,
)

IP = IpAddressRecognizer()
URL = WebAddressRecognizer()


def found(recognizer: ChatRecognizer, text: str) -> list[str]:
    passage = Passage(text)
    if not recognizer.may_hold(passage):
        return []
    spans = recognizer.find(passage)
    assert {span.entity_type for span in spans} <= set(recognizer.entity_types)
    return sorted({text[span.start : span.end] for span in spans}, key=len)[-1:]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mi ip es 192.168.1.20.", "192.168.1.20"),
        ("10.0.0.1:8080 no responde", "10.0.0.1:8080"),
        ("la red 10.20.0.0/16", "10.20.0.0/16"),
        ("desde 192.168.001.020", "192.168.001.020"),
        ("(200.7.8.9)", "200.7.8.9"),
        ("fe80::1ff:fe23:4567:890a", "fe80::1ff:fe23:4567:890a"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", None),
        ("::1", "::1"),
        ("::ffff:192.0.2.128", "::ffff:192.0.2.128"),
        ("fe80::1%eth0 aquí", "fe80::1%eth0"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("IP: 2001:DB8::8:800:200C:417A,", "2001:DB8::8:800:200C:417A"),
    ],
)
def test_ip_addresses_are_found(text: str, value: str | None) -> None:
    assert found(IP, text) == [value or text]


@pytest.mark.parametrize(
    "text",
    [
        "versión 1.2.3.4",
        "Chrome version: 120.0.6099.109",
        "v1.2.3.4",
        "300.1.1.1",
        "1.2.3.4.5",
        "a las 10:30:45",
        "10:30 11:45",
        "1.234.567,89",
        "std::vector",
        "a::b",
        "::",
        "nota: 16/20: 4.85",
        "...",
        "12.05.2024 10.30",
    ],
)
def test_versions_times_and_amounts_are_no_ip_addresses(text: str) -> None:
    assert found(IP, text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mira https://example.org/a?b=c#d.", "https://example.org/a?b=c#d"),
        ("http://user:pass@example.org:8080/x", None),
        ("(https://example.org/a)", "https://example.org/a"),
        ("https://example.org/a_(b)", None),
        ("«https://example.org/ñandú»", "https://example.org/ñandú"),
        ("www.example.org, gracias", "www.example.org"),
        ("WWW.EXAMPLE.ORG/ANA", None),
        ("wa.me/593991234567", None),
        ("instagram.com/ana.luna", None),
        ("linkedin.com/in/ana-luna?x=1!", "linkedin.com/in/ana-luna?x=1"),
        ("tienda.example.com.gt/ana", None),
        ("mi página es anaperez.com.", "anaperez.com"),
        ("ana-luna.com.ec", None),
        ("localhost http://10.0.0.1:5005/webhooks/rest", None),
        ("ftp://example.org/f", None),
        ("example.org:8443/x", None),
        ("https://example.org/a,b", None),
        ('<a href="https://example.org/x">', "https://example.org/x"),
    ],
)
def test_urls_are_found_whole(text: str, value: str | None) -> None:
    assert found(URL, text) == [value or text.removeprefix("localhost ")]


@pytest.mark.parametrize(
    "text",
    [
        "ana@example.org",
        "ana.luna.com@example.org",
        "hola.me llamo Ana",
        "kg/caja",
        "y/o",
        "Ltda./S.A.",
        "16/20",
        "4.85/lb",
        "fin.Gracias",
        "hoy.es tarde",
        "http://",
        "www.",
        "ver http: o https",
        "punto com",
    ],
)
def test_mail_fractions_and_forgotten_blanks_are_no_urls(text: str) -> None:
    assert found(URL, text) == []


def test_tokens_end_an_address() -> None:
    assert found(URL, "https://example.org/[PHONE]/x") == ["https://example.org/"]
    assert found(URL, f"https://{BARRIER}{BARRIER}") == []


@pytest.mark.parametrize("recognizer", [IP, URL])
@given(text=st.text(alphabet="a1.:/@-w[]()f ", max_size=60))
def test_gate_is_a_necessary_condition(recognizer: ChatRecognizer, text: str) -> None:
    passage = Passage(text)
    if recognizer.find(passage):
        assert recognizer.may_hold(passage)
        assert (
            passage.digits
            or passage.holds_at()
            or not recognizer.gate_words.isdisjoint(passage.words)
        )


@pytest.mark.parametrize("recognizer", [IP, URL])
@pytest.mark.parametrize(
    "piece",
    (
        "a.|1.|1.2.3.4.|:|::|fe80::|a:|http://|www.|a.com/(|a.com |a-|1:2:|"
        "www.a.b/))))|a.b.c.d.e.f.g.h.i.com|::1|/"
    ).split("|"),
)
def test_hostile_texts_are_read_to_the_end(
    recognizer: ChatRecognizer, piece: str
) -> None:
    # A quadratic pattern would need minutes.
    text = (piece * 20_000)[:20_000]
    passage = Passage(text)
    assert all(span.end <= len(text) for span in recognizer.find(passage))
