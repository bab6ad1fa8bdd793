/** Small programs that between them use everything a rewriter must carry over, with calls and the answers they give. */

export interface Program {
  readonly text: string;
  /** Exported function, arguments, answer; `trap` when the call must throw. */
  readonly calls: readonly (readonly [name: string, args: readonly (number | bigint)[], answer: unknown])[];
}

const TRAP = 'trap';

export const CORPUS: Readonly<Record<string, Program>> = {
  loops: {
    text: `(module
      (func $sum (export "sum") (param $n i32) (result i32) (local $total i32)
        (block $out (loop $again
          (br_if $out (i32.eqz (local.get $n)))
          (local.set $total (i32.add (local.get $total) (local.get $n)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again)))
        (local.get $total))
      (func (export "nested") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $hits i32)
        (loop $outer
          (local.set $j (i32.const 0))
          (loop $inner
            (local.set $hits (i32.add (local.get $hits) (i32.const 1)))
            (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
          (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
        (local.get $hits)))`,
    calls: [
      ['sum', [10], 55],
      ['sum', [0], 0],
      ['nested', [7], 49],
    ],
  },
  recursion: {
    text: `(module
      (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
          (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                         (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
      (func $down (export "down") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 77))))
        (return_call $down (i32.sub (local.get 0) (i32.const 1)))))`,
    calls: [
      ['fib', [12], 144],
      ['down', [100_000], 77],
    ],
  },
  tables: {
    text: `(module
      (type $unary (func (param i32) (result i32)))
      (table $t 4 funcref)
      (elem (i32.const 0) $double $square)
      (elem $more funcref (ref.func $double) (ref.func $square) (ref.null func))
      (func $double (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
      (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
      (func (export "apply") (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 1) (local.get 0)))
      (func (export "tail") (param i32 i32) (result i32)
        (return_call_indirect (type $unary) (local.get 1) (local.get 0)))
      (func (export "fill") (result i32)
        (table.init $more (i32.const 2) (i32.const 0) (i32.const 2))
        (elem.drop $more)
        (table.copy (i32.const 0) (i32.const 3) (i32.const 1))
        (call_indirect (type $unary) (i32.const 9) (i32.const 0)))
      (func (export "grow") (result i32)
        (drop (table.grow $t (ref.null func) (i32.const 3)))
        (table.fill $t (i32.const 4) (ref.func $double) (i32.const 2))
        (table.set $t (i32.const 6) (table.get $t (i32.const 4)))
        (i32.add (table.size $t) (call_indirect (type $unary) (i32.const 50) (i32.const 6)))))`,
    calls: [
      ['apply', [0, 21], 42],
      ['tail', [1, 9], 81],
      ['apply', [3, 1], TRAP],
      ['fill', [], 81],
      ['fill', [], TRAP],
      ['grow', [], 107],
    ],
  },
  memory: {
    text: `(module
      (memory (export "memory") 1 4)
      (data (i32.const 8) "edict")
      (data $later "policy")
      (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
      (func (export "bulk") (result i32)
        (memory.init $later (i32.const 100) (i32.const 0) (i32.const 6))
        (data.drop $later)
        (memory.copy (i32.const 200) (i32.const 100) (i32.const 6))
        (memory.fill (i32.const 201) (i32.const 65) (i32.const 2))
        (i32.load (i32.const 200)))
      (func (export "grow") (param i32) (result i32)
        (i32.add (memory.size) (i32.mul (i32.const 100) (memory.grow (local.get 0))))))`,
    calls: [
      ['load', [9], 100],
      ['load', [65_536], TRAP],
      ['bulk', [], 0x69_41_41_70],
      ['bulk', [], TRAP],
      ['grow', [2], 101],
      ['grow', [9], -97],
    ],
  },
  values: {
    text: `(module
      (global $seen (mut i64) (i64.const -5))
      (global (export "answer") i32 (i32.const 42))
      (func $pair (param i32) (result i32 i64) (local.get 0) (i64.extend_i32_s (local.get 0)))
      (func (export "count") (param i64) (result i64)
        (global.set $seen (i64.add (global.get $seen) (local.get 0))) (global.get $seen))
      (func (export "multi") (param i32) (result i64)
        (local i64)
        (call $pair (local.get 0))
        (block (param i32 i64) (result i64 i32) (local.set 1) (drop) (local.get 1) (i32.const 3))
        (loop (param i64 i32) (result i64) (drop))
        (i64.const 2) (i64.mul))
      (func (export "floats") (param f64) (result i32)
        (i32.add (i32.trunc_sat_f64_s (local.get 0)) (i32.extend8_s (i32.const 255))))
      (func (export "vector") (result i32)
        (i32x4.extract_lane 2 (i32x4.add (v128.const i32x4 1 2 3 4)
          (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i32x4 5 6 7 8) (i32x4.splat (i32.const 0))))))
      (func (export "table") (param i32) (result i32)
        (block $c (block $b (block $a (br_table $a $b $c (local.get 0))) (return (i32.const 10))) (return (i32.const 20)))
        (i32.const 30))
      (func (export "pick") (param i32) (result i32)
        (ref.is_null (select (result externref) (ref.null extern) (ref.null extern) (local.get 0)))))`,
    calls: [
      ['count', [7n], 2n],
      ['count', [-1n], 1n],
      ['multi', [-4], -8n],
      ['floats', [1e300], 2 ** 31 - 2],
      ['floats', [Number.NaN], -1],
      ['vector', [], 10],
      ['table', [0], 10],
      ['table', [1], 20],
      ['table', [9], 30],
      ['pick', [1], 1],
    ],
  },
  traps: {
    text: `(module
      (func $culprit (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
      (func (export "stop") (unreachable))
      (func $deep (export "deep") (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1))))`,
    calls: [
      ['divide', [7, 2], 3],
      ['divide', [7, 0], TRAP],
      ['stop', [], TRAP],
    ],
  },
  hosts: {
    text: `(module
      (import "env" "twice" (func $twice (param i32) (result i32)))
      (import "env" "base" (global $base i32))
      (type $unary (func (param i32) (result i32)))
      (table 2 funcref)
      (elem (i32.const 0) $twice $own)
      (func $own (param i32) (result i32) (i32.add (local.get 0) (global.get $base)))
      (func (export "direct") (param i32) (result i32) (call $twice (local.get 0)))
      (func (export "tail") (param i32) (result i32) (return_call $twice (local.get 0)))
      (func (export "through") (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 1) (local.get 0))))`,
    calls: [
      ['direct', [21], 42],
      ['tail', [4], 8],
      ['through', [0, 3], 6],
      ['through', [1, 3], 1_003],
    ],
  },
  empty: { text: '(module)', calls: [] },
  bare: { text: '(module (func (export "one") (result i32) (i32.const 1)))', calls: [['one', [], 1]] },
};

/** What `hosts` imports. */
export function corpusImports(): WebAssembly.Imports {
  return {
    env: { twice: (value: number) => value * 2, base: new WebAssembly.Global({ value: 'i32', mutable: false }, 1_000) },
  };
}
