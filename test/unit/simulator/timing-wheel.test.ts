import { expect, it } from 'vitest';
import { type Timed, TimingWheel } from '../../../src/simulator/traffic/timing-wheel.js';

interface Timer extends Timed<Timer> {
  readonly name: number;
}

function timer(name: number): Timer {
  return { name, expires: 0, slot: -1, timerNext: undefined, timerPrevious: undefined };
}

it('fires each timer at its time, whatever level it starts on, and however time is cut', () => {
  const delays = [1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 16_777_215, 16_777_216, 20_000_000, 2 ** 32 + 5];
  for (const step of [2 ** 33, 7_777_777, 1_000_003]) {
    const fired: [number, number][] = [];
    const wheel = new TimingWheel<Timer>(123.4, ({ name }, time) => fired.push([name, time]));
    for (const delay of delays) wheel.start(timer(delay), 123.4 + delay);
    for (let time = 123; time < 2 ** 33; time += step) wheel.run(time);
    wheel.run(2 ** 33);
    expect(fired).toEqual(delays.map((delay) => [delay, Math.ceil(123.4 + delay)]));
  }
});

it('stops, and starts anew from wherever a timer is', () => {
  const fired: [number, number][] = [];
  const wheel = new TimingWheel<Timer>(0, (it, time) => {
    fired.push([it.name, time]);
    if (it.name === 1 && time < 1000) wheel.start(it, time + 256);
  });
  const [one, two, three, four] = [timer(1), timer(2), timer(3), timer(4)];
  for (const it of [one, two, three, four]) wheel.start(it, 300);
  wheel.stop(three);
  wheel.stop(three);
  wheel.start(two, 100);
  wheel.start(four, 70_000);
  wheel.run(50);
  wheel.start(four, 60);
  wheel.run(2000);
  expect(fired).toEqual([
    [4, 60],
    [2, 100],
    [1, 300],
    [1, 556],
    [1, 812],
    [1, 1068],
  ]);
});

it('fires what is due already with the next millisecond', () => {
  const fired: number[] = [];
  const wheel = new TimingWheel<Timer>(1000, (_, time) => fired.push(time));
  wheel.start(timer(1), 10);
  wheel.run(1000);
  expect(fired).toEqual([]);
  wheel.run(1001);
  expect(fired).toEqual([1001]);
});
