"""What the Code tab offers to try with a click."""

from dataclasses import dataclass

_BROKEN = """function average(numbers) {
  let total = 0;
  for (const n of numbers {
    total += n;
  }
  return total / numbers.length;
}"""
_BINARY_SEARCH = """def binary_search(items, target):
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1"""
_QUERY = """SELECT department, name, salary
FROM (
  SELECT *, RANK() OVER (PARTITION BY department ORDER BY salary DESC) AS place
  FROM employees
) AS ranked
WHERE place <= 3;"""


@dataclass(frozen=True, slots=True)
class Example:
    """What a click on an example fills in."""

    title: str
    action: str
    language: str
    instruction: str = ""
    code: str = ""
    chinese: bool = False


EXAMPLES = (
    Example(
        "Python: is a word a palindrome?",
        "generate",
        "python",
        "A function that tells whether a text is a palindrome, ignoring case, spaces and punctuation.",
    ),
    Example("JavaScript: mend a function that won't parse", "fix", "javascript", code=_BROKEN),
    Example("Python to Rust: binary search", "translate", "python", code=_BINARY_SEARCH),
    Example(
        "用 Python 统计词频",
        "generate",
        "python",
        "写一个函数，统计一段文字中每个词出现的次数，按次数从多到少返回。",
        chinese=True,
    ),
    Example("解释一条 SQL 查询", "explain", "sql", code=_QUERY, chinese=True),
    Example("为二分查找编写测试", "tests", "python", code=_BINARY_SEARCH, chinese=True),
)
