"""Expressions that tell the time or roll dice, told from those that do not."""

from __future__ import annotations

import pytest

from cwl_memo.cwl.expression import use_of


def tells_time(code: str) -> bool:
    return bool(use_of([f"${{{code}}}"]).nondeterministic)


@pytest.mark.parametrize(
    "code",
    [
        "return Date()",
        "return Date ( )",
        "return Date('2020-01-01')",
        "return Date.now()",
        "return Date . now()",
        "return Date/**/.now()",
        "return Date./**/now()",
        "return Date?.now()",
        'return Date["now"]()',
        "return new Date",
        "return new Date()",
        "return new  Date ( )",
        "return new Date( /* now */ )",
        "return new Date(// now\n)",
        "return new/**/Date()",
        "return new Date(...[])",
        "return new Date(Date.now())",
        "return new (Date)()",
        "return new Date.prototype.constructor()",
        "return new Date(0).constructor.now()",
        "return new (new Date(0)['constructor'])()",
        "var D = Date; return new D()",
        "return [Date][0].now()",
        "return Reflect.construct(Date, [])",
        "return this.Date.now()",
        "return this['Date'].now()",
        "return globalThis['Da' + 'te'].now()",
        "return globalThis.Date.now()",
        r"return D\u0061te.now()",
        r"return D\u{61}te.now()",
        "return `it's ${Date.now()} o'clock`",
        "return 'a\\\nb' + Date.now() + 'c'",
        "return 'a\\\r\nb' + Date.now() + 'c'",
        "return Math.random()",
        "return Math /**/ . random()",
        "return Math./**/random()",
        "return Math?.random()",
        'return Math["random"]()',
        "return Math['ran' + 'dom']()",
        "var {random} = Math; return random()",
        "return {...Math}.random()",
        "return [...[Math]][0].random()",
        "var M = Math; return M.random()",
        "return this.Math.random()",
        "return Math.constructor.constructor('return Dat' + 'e.now()')()",
        "return eval('Dat' + 'e.now()')",
        "return (0, eval)('Dat' + 'e.now()')",
        "return Function('return Dat' + 'e.now()')()",
        "return new Function('return Dat' + 'e.now()')()",
        "return Function.call(null, 'return Dat' + 'e.now()')()",
        "return Temporal.Now.instant()",
        "return crypto.randomUUID()",
        "return performance.now()",
    ],
)
def test_what_tells_the_time_or_rolls_dice_is_seen(code: str) -> None:
    assert tells_time(code)


@pytest.mark.parametrize(
    "code",
    [
        'return new Date("2020-01-01")',
        "return new  Date ( 0 ).toISOString()",
        "return new Date(2020, 1, 1).getFullYear()",
        "return new Date(inputs.when).getTime()",
        r"return new Date(/\d+-\d+-\d+/.exec(inputs.when)[0])",
        "return Date.UTC(2020, 1) + Date.parse('2020-01-01')",
        "return Date.prototype.toISOString.call(inputs.when)",
        "return inputs.when instanceof Date",
        "return inputs.sample.Date + inputs.sample['Date']",
        'return "Date of birth, Math"',
        "return inputs.f.metadata.random + inputs.Math",
        "var random = 1; return random",
        "return Math.max(1, Math . floor(inputs.n / 2)) * Math.PI",
        "function Point(x) { this.x = x; this.Dates = []; } return new Point(1).x",
        "class A { constructor() { this.n = 1; } } return new A().n",
        "return inputs.x.constructor === Array ? inputs.x.constructor.name : 1",
        "// Function to count what is given, by its constructor\nreturn inputs.x.length",
        "return inputs.f instanceof Function",
        r"return 'caf\u00e9'",
        "return inputs.evaluate + inputs.f.eval",
    ],
)
def test_what_gives_the_same_each_time_is_no_clock(code: str) -> None:
    assert not tells_time(code)
