import pytest

from services.dp_api.accounts import rules


@pytest.mark.parametrize(
    "reference",
    [
        "4111111111111111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "acct:4111111111111111",
        "378282246310005",
        "4222222222222",
        "6304000000000000000",
        "60161331926819",
        "60-16-13-31926819",
        "60-16-13/31926819",
        "GB29NWBK60161331926819",
        "3f0c1d52-6a53-4d7c-9a55-0c9d2f6b1e10-4111111111111111",
    ],
)
def test_what_looks_like_a_card_or_bank_account_number_is_seen(reference: str) -> None:
    assert rules.looks_like_account_number(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "acc-000123",
        "4111111111111112",
        "411111111111",
        "12345678",
        "601613",
        "3f0c1d52-6a53-4d7c-9a55-0c9d2f6b1e10",
        "41111111-1111-4111-8111-000000000000",
        "acc-19331163-8831-48c2-998f-98430a2e44bb",
        "tok_1a2b3c4d5e6f",
        "41111111111111111111",
    ],
)
def test_a_token_passes(reference: str) -> None:
    assert not rules.looks_like_account_number(reference)
