import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import test from "node:test"
import { gzipSync } from "node:zlib"
import { source } from "./World.js"

test("as served, comments and all, it is under 6 KiB compressed", async () => {
  assert.ok(gzipSync(await readFile(source), { level: 9 }).length < 6 * 1024)
})

test("it stands alone, and keeps nothing where other scripts look", async () => {
  const text = await readFile(source, "utf8")
  assert.doesNotMatch(text, /\bimport\b|\brequire\b/)
  assert.doesNotMatch(text, /localStorage|sessionStorage|document\.cookie/)
  assert.doesNotMatch(text, /\beval\b|\bFunction\(|innerHTML|\bDate\b/)
})
