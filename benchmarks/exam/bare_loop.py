"""The yardstick: the same questions through the openai SDK in a bare loop, without storage or grading."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from pathlib import Path

from openai import AsyncOpenAI

PROMPT = Path(__file__).with_name("prompt.txt").read_text("utf-8")


async def main(benchmark: Path, records: list[dict[str, str]], base_url: str, in_flight: int) -> None:
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
    gate = asyncio.Semaphore(in_flight)

    async def ask(record: dict[str, str]) -> str | None:
        async with gate:
            image = base64.b64encode((benchmark.parent / record["image"]).read_bytes()).decode()
            completion = await client.chat.completions.create(
                model="loopback",
                messages=[
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": PROMPT + record["question"] + str(record["options"])},
                            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{image}"}},
                        ],
                    }
                ],
            )
            return completion.choices[0].message.content

    started, cpu = time.perf_counter(), time.process_time()
    answers = await asyncio.gather(*(ask(record) for record in records))
    assert all(answers)
    print(json.dumps({"asking_s": time.perf_counter() - started, "asking_cpu_s": time.process_time() - cpu}))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    asyncio.run(main(path, json.loads(path.read_text("utf-8")), sys.argv[2], int(sys.argv[3])))
