import { describe, expect, it } from 'vitest';
import { ArgumentReader } from '../../../src/ipvsadm/arguments.js';

/** `-n` as `numeric`, `-w 3` as `weight=3`. */
function read(...words: string[]): { options: string[]; positionals: string[] } {
  const reader = new ArgumentReader(words);
  const options: string[] = [];
  for (let option = reader.next(); option !== undefined; option = reader.next()) {
    options.push(option.value === 'none' ? option.long : `${option.long}=${reader.value}`);
  }
  return { options, positionals: reader.positionals };
}

describe('values', () => {
  it.each([[['-w', '3']], [['-w3']], [['-w=3']], [['--weight', '3']], [['--weight=3']]])(
    '%j gives weight 3',
    (words) => {
      expect(read(...words).options).toEqual(['weight=3']);
    },
  );

  it.each([
    [['-w', '-g'], ['weight=-g']],
    [['-w='], ['weight=']],
    [['-w', ''], ['weight=']],
    [['--weight='], ['weight=']],
    [['-w==3'], ['weight==3']],
    [['--pe=a=b'], ['pe=a=b']],
  ])('%j gives %j', (words, options) => {
    expect(read(...words).options).toEqual(options);
  });

  it.each([
    [['-p'], ['persistent=360']],
    [
      ['-p', '-s', 'rr'],
      ['persistent=360', 'scheduler=rr'],
    ],
    [
      ['--persistent', '--ops'],
      ['persistent=360', 'ops'],
    ],
    [['-p', '60'], ['persistent=60']],
    [['-p60'], ['persistent=60']],
    [['--persistent=60'], ['persistent=60']],
    [['-p='], ['persistent=']],
    [['-p', 'rr'], ['persistent=rr']],
    [['-op'], ['ops', 'persistent=360']],
  ])('the optional value of -p: %j gives %j', (words, options) => {
    expect(read(...words).options).toEqual(options);
  });
});

describe('clusters', () => {
  it.each([
    [['-Ln'], ['list', 'numeric']],
    [['-ln'], ['list', 'numeric']],
    [
      ['-At', '1.2.3.4:80'],
      ['add-service', 'tcp-service=1.2.3.4:80'],
    ],
    [['-At1.2.3.4:80'], ['add-service', 'tcp-service=1.2.3.4:80']],
    [['-At=1.2.3.4:80'], ['add-service', 'tcp-service=1.2.3.4:80']],
  ])('%j gives %j', (words, options) => {
    expect(read(...words).options).toEqual(options);
  });

  it('a long name with one dash is a cluster', () => {
    expect(read('-tcp-service').options).toEqual(['tcp-service=cp-service']);
  });
});

describe('positionals', () => {
  it.each([
    [['--set', '1', '2', '3'], ['set'], ['1', '2', '3']],
    [['1', '-n', '2'], ['numeric'], ['1', '2']],
    [['-n', '--', '-c', '--'], ['numeric'], ['-c', '--']],
    [['-', '-n'], ['numeric'], ['-']],
    [[''], [], ['']],
  ])('%j gives %j and %j', (words, options, positionals) => {
    expect(read(...words)).toEqual({ options, positionals });
  });
});

describe('mistakes', () => {
  it.each([
    [['-t'], '-t: missing argument'],
    [['-nt'], '-nt: missing argument'],
    [['--weight'], '--weight: missing argument'],
    [['--foo'], '--foo: unknown option'],
    [['--weigh', '3'], '--weigh: unknown option'],
    [['--foo=3'], '--foo=3: unknown option'],
    [['-nq'], '-nq: unknown option'],
    [['--numeric=1'], '--numeric=1: option does not take an argument'],
    [['-n=1'], '-n=1: option does not take an argument'],
    [['-n='], '-n=: option does not take an argument'],
  ])('%j: %s', (words, message) => {
    expect(() => read(...words)).toThrow(expect.objectContaining({ message, exitCode: 255 }));
  });

  it('the first of two mistakes is met first, and options before it are read', () => {
    const reader = new ArgumentReader(['-n', '--foo', '--bar']);
    expect(reader.next()?.long).toBe('numeric');
    expect(() => reader.next()).toThrow('--foo: unknown option');
  });
});
