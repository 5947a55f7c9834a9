import assert from "node:assert/strict"
import test from "node:test"
import { apiURL, pawlURL, refreshes, signedIn } from "./World.js"

// Where the access token goes.
const addresses = [
  [apiURL, true],
  [`${apiURL}/notes?of=mine`, true],
  [`${apiURL}:443/`, true],
  [`${pawlURL}/auth/session`, true],
  [`${pawlURL}/auth/sessions/s1`, true],
  [`${pawlURL}/other`, false],
  [`${pawlURL}/auth`, false],
  [`${pawlURL}/auth/../other`, false],
  [`${apiURL}:8443/`, false],
  ["http://api.example.com/", false],
  ["https://api.example.com.evil.test/", false],
  ["https://example.com/", false],
  ["https://sub.api.example.com/", false],
  ["data:text/plain,hello", false],
]
for (const [address, isOurs] of addresses) {
  test(`${isOurs ? "with" : "without"} the token: ${address}`, async () => {
    const { world, tab } = await signedIn()
    for (const input of [address, new URL(address), new Request(address)]) {
      await world.until(tab.pawl.fetch(input))
      assert.equal(tab.lastRequest.headers.has("Authorization"), isOurs)
      assert.equal(tab.lastRequest.redirect, isOurs ? "error" : "follow")
    }
  })
}

test("an API's origin is one", async () => {
  const { browser } = await signedIn()
  const tab = browser.open({ apiOrigins: ["data:"] })
  await tab.pawl.fetch("data:text/plain,hello")
  assert.equal(tab.lastRequest.headers.has("Authorization"), false)
  assert.throws(() => browser.open({ apiOrigins: ["api.example.com"] }), TypeError)
})

test("the caller's own settings are kept", async () => {
  const { world, tab } = await signedIn()
  await world.until(tab.pawl.fetch(apiURL, { method: "PUT", headers: { "X-Mine": "1" }, redirect: "manual", body: "text" }))
  const { method, headers, redirect } = tab.lastRequest
  assert.deepEqual([method, headers.get("X-Mine"), redirect], ["PUT", "1", "manual"])
})

/** An API that refuses the first token it sees, and keeps the bodies. */
async function refusing(challenge = 'Bearer realm="api", error="invalid_token", error_description="expired"') {
  const { world, tab } = await signedIn()
  const bodies = []
  const tokens = []
  world.api = async request => {
    bodies.push(await request.text())
    tokens.push(request.headers.get("Authorization"))
    if (tokens.at(-1) !== tokens[0]) return new Response("fine")
    return new Response("refused", { status: 401, headers: challenge ? { "WWW-Authenticate": challenge } : {} })
  }
  return { world, tab, bodies, tokens }
}

const bodies = {
  none: [() => [apiURL, undefined], ""],
  "a text": [() => [apiURL, { method: "POST", body: "text" }], "text"],
  bytes: [() => [apiURL, { method: "POST", body: new TextEncoder().encode("text") }], "text"],
  "a blob": [() => [apiURL, { method: "POST", body: new Blob(["text"]) }], "text"],
  "a request's": [() => [new Request(apiURL, { method: "POST", body: "text" })], "text"],
}
for (const [name, [call, text]] of Object.entries(bodies)) {
  test(`a refused token is refreshed once, and the request repeated once; its body: ${name}`, async () => {
    const { world, tab, bodies, tokens } = await refusing()
    assert.equal(await (await world.until(tab.pawl.fetch(...call()))).text(), "fine")
    assert.equal(refreshes(world), 1)
    assert.equal(new Set(tokens).size, 2)
    assert.deepEqual(bodies, [text, text])
  })
}

test("a stream is not sent twice", async () => {
  const { world, tab, bodies } = await refusing()
  const body = new Blob(["text"]).stream()
  const response = await world.until(tab.pawl.fetch(apiURL, { method: "POST", body, duplex: "half" }))
  assert.equal(response.status, 401)
  assert.deepEqual(bodies, ["text"])
  assert.equal(refreshes(world), 0)
})

for (const challenge of [null, "Bearer", 'Bearer error="insufficient_user_authentication", max_age="600"', "Basic"]) {
  test(`a 401 that does not say that the token is bad is the caller's: ${challenge}`, async () => {
    const { world, tab, tokens } = await refusing(challenge)
    const response = await world.until(tab.pawl.fetch(apiURL))
    assert.equal(response.status, 401)
    assert.equal(await response.text(), "refused")
    assert.equal(tokens.length, 1)
    assert.equal(refreshes(world), 0)
  })
}

test("an API that refuses every token is asked twice", async () => {
  const { world, tab } = await signedIn()
  let count = 0
  world.api = () => (count++, world.refused())
  assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 401)
  assert.equal(count, 2)
  assert.equal(refreshes(world), 1)
})

// FAULTS E2: an API whose clock is behind, or that wants another audience.
test("an API that refuses every token costs one refresh, however many calls are made", async () => {
  const { world, tab } = await signedIn()
  let count = 0
  world.api = () => (count++, world.refused())
  for (let call = 0; call < 5; call++) assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 401)
  assert.equal(refreshes(world), 1)
  assert.equal(count, 6)
  // The next token comes when this one ends, and not before.
  await world.pass(15 * 60_000)
  const before = refreshes(world)
  for (let call = 0; call < 5; call++) assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 401)
  assert.equal(refreshes(world), before)
})

test("an API that takes tokens again gets a new one each time that it refuses one", async () => {
  const { world, tab } = await signedIn()
  world.api = () => world.refused()
  assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 401)
  let refused
  world.api = request => {
    const token = request.headers.get("Authorization")
    return token === refused ? world.refused() : new Response(token)
  }
  for (let round = 2; round <= 4; round++) {
    refused = await (await world.until(tab.pawl.fetch(apiURL))).text()
    assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 200)
    assert.equal(refreshes(world), round)
  }
})

test("an API that refuses every token costs at most one refresh for each tab", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  world.api = () => world.refused()
  const before = refreshes(world)
  for (let call = 0; call < 6; call++) {
    const caller = call % 2 ? other : tab
    assert.equal((await world.until(caller.pawl.fetch(apiURL))).status, 401)
    await world.pass(1000)
  }
  assert.equal(refreshes(world), before + 2)
})

test("a tab gets a new token each time that its API refuses one, also one that another tab fetched", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  for (let call = 0; call < 4; call++) {
    let refused
    world.api = request => {
      const token = request.headers.get("Authorization")
      return token === (refused ??= token) ? world.refused() : new Response()
    }
    assert.equal((await world.until((call % 2 ? other : tab).pawl.fetch(apiURL))).status, 200)
  }
})

test("two APIs that refuse every token cost one refresh each, and others still get theirs", async () => {
  const { world, browser } = await signedIn()
  const [second, good] = [`${apiURL}:8443`, `${apiURL}:9443`]
  const tab = browser.open({ apiOrigins: [apiURL, second, good] })
  await world.until(tab.pawl.session())
  let revoked
  world.api = request => {
    const token = request.headers.get("Authorization")
    return request.url.startsWith(good) && token !== revoked ? new Response("fine") : world.refused()
  }
  const before = refreshes(world)
  for (let call = 0; call < 6; call++) {
    assert.equal((await world.until(tab.pawl.fetch(call % 2 ? second : apiURL))).status, 401)
  }
  assert.equal(refreshes(world), before + 2)
  await world.until(tab.pawl.fetch(good))
  revoked = tab.lastRequest.headers.get("Authorization")
  assert.equal((await world.until(tab.pawl.fetch(good))).status, 200)
  assert.equal(refreshes(world), before + 3)
})

test("calls that are refused at once refresh once", async () => {
  const { world, tab } = await refusing()
  const answers = await world.until(Promise.all(Array.from({ length: 5 }, () => tab.pawl.fetch(apiURL))))
  assert.deepEqual(answers.map(answer => answer.status), [200, 200, 200, 200, 200])
  assert.equal(refreshes(world), 1)
})

test("a call that is given up does not wait for its token", async () => {
  const { world, tab } = await signedIn()
  tab.document.visibilityState = "hidden"
  await world.pass(16 * 60_000)
  const controller = new AbortController()
  world.faults = ["stall"]
  const call = tab.pawl.fetch(apiURL, { signal: controller.signal })
  await world.pass(50)
  controller.abort()
  const began = world.now
  await assert.rejects(world.until(call), { name: "AbortError" })
  assert.equal(world.now, began)
  await assert.rejects(tab.pawl.fetch(apiURL, { signal: AbortSignal.abort() }), { name: "AbortError" })
})
