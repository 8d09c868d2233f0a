from uuid import uuid4

from tests.dp_api.conftest import Callers

MANAGERS = "/v1/money-managers"


async def test_a_money_manager_is_registered_read_and_listed(callers: Callers, north: str) -> None:
    finance, name = callers.finance(), f"Example Trust {uuid4()}"
    made = await finance.post(MANAGERS, json={"name": name, "weekly_fee_pence": 850})
    assert made.status_code == 201, made.text
    read = await callers.care_worker(north).get(made.headers["Location"])
    assert (read.json(), read.headers["ETag"]) == (made.json(), '"1"')
    seen, cursor = [], None
    while True:
        page = (await finance.get(MANAGERS, params={"cursor": cursor} if cursor else {})).json()
        seen += [item["name"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen.count(name) == 1
    again = await finance.post(MANAGERS, json={"name": name, "weekly_fee_pence": 900})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")


async def test_a_fee_is_whole_pence_and_not_negative(callers: Callers) -> None:
    for fee in (-1, 8.5, "850", True):
        answer = await callers.finance().post(MANAGERS, json={"name": f"X {uuid4()}", "weekly_fee_pence": fee})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/weekly_fee_pence")


async def test_finance_alone_registers_them(callers: Callers, north: str) -> None:
    body = {"name": f"X {uuid4()}", "weekly_fee_pence": 850}
    for caller in (callers.care_manager(north), callers.auditor(), callers.administrator()):
        assert (await caller.post(MANAGERS, json=body)).status_code == 403
    assert (await callers.auditor().get(MANAGERS)).status_code == 403
    assert (await callers.finance().get(f"{MANAGERS}/{uuid4()}")).status_code == 404
