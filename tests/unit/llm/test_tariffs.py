from mesrai.domain.budget import Tariff
from mesrai.domain.connection import Connection, Slot
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.tariffs import tariffs_of


def a_connection(provider: str, model: str) -> Connection:
    return Connection(slot=Slot.MAIN, provider=provider, base_url="https://api.example.com", model=model, key=None)


def test_a_tariff_is_the_price_s_currency_or_free_or_unknown() -> None:
    connections = [
        a_connection("moonshot", "kimi-k2.6"),
        a_connection("moonshot_cn", "kimi-k2.6"),
        a_connection("kimi_code", "kimi-for-coding"),
        a_connection("ollama", "qwen3-coder"),
        a_connection("openai_compatible", "house-model"),
    ]
    assert tariffs_of(connections, load_catalogue()) == (
        Tariff(name="kimi-k2.6", currency="USD"),
        Tariff(name="kimi-k2.6", currency="CNY"),
        Tariff(name="kimi-for-coding", is_free=True),
        Tariff(name="qwen3-coder", is_free=True),
        Tariff(name="house-model"),
    )
