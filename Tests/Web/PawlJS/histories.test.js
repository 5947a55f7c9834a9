// Random histories of one browser, with all that can go wrong in it and between it and the server. Nobody else has the
// cookie; so whatever happens, the session must never end as stolen, and in the end all tabs must agree with the server.

import assert from "node:assert/strict"
import test from "node:test"
import { Browser, World } from "./World.js"

const histories = Number(process.env.PAWL_HISTORIES ?? 200)

const faults = [
  "lose",
  "drop",
  "stall",
  4_000,
  6_000, // each way: longer than a request may last
  { status: 503, code: "unavailable", headers: { "Retry-After": "1" } },
  { status: 502 },
]

class History {
  log = []

  constructor(seed) {
    this.world = new World(seed)
    this.browser = new Browser(this.world)
    Math.random = this.world.random // so that a history is the same whenever it is run
    // Left out, since no page can do anything about it: a request that is stuck for more turns than names are remembered,
    // and the answer to a frozen tab that comes, and sets its cookie, after others have turned the session twice.
    this.world.server.rememberedNames = Infinity
    this.browser.forgetsFrozen = true
  }

  pick(list) {
    return list[Math.floor(this.world.random() * list.length)]
  }

  note(text) {
    this.log.push(`${Math.round(this.world.now / 100) / 10}s ${text}`)
  }

  /** Starts a call, and lets it go on beside what comes next. */
  call(name, work) {
    this.note(name)
    work().then(
      () => this.note(`  ${name}: done`),
      error => this.note(`  ${name}: ${error.code ?? error.stack}`))
  }

  act() {
    const { browser, world } = this
    const awake = browser.tabs.filter(tab => !tab.isFrozen)
    const tab = awake.length ? this.pick(awake) : browser.open()
    const at = `tab ${browser.tabs.indexOf(tab)}`
    const user = this.pick(["alice", "bob"])
    const signIn = () => tab.pawl.signIn({ identifier: user, password: world.server.passwords.get(user) })
    const moves = {
      fetch: () => this.call(`${at} fetches`, () => tab.pawl.fetch("https://api.example.com/")),
      session: () => this.call(`${at} asks who is signed in`, () => tab.pawl.session()),
      signIn: () => this.call(`${at} signs in ${user}`, signIn),
      signOut: () => this.call(`${at} signs out`, () => tab.pawl.signOut()),
      stepUp: () => this.call(`${at} steps up`, () => tab.pawl.reauthenticate(world.server.passwords.get(user))),
      wrong: () => this.call(`${at} steps up wrongly`, () => tab.pawl.reauthenticate("wrong")),
      change: () => {
        const current = world.server.passwords.get(user)
        this.call(`${at} changes a password`, () => tab.pawl.changePassword({ current, new: `${current}!` }))
      },
      open: () => {
        if (browser.tabs.length < 4) this.call("opens a tab", () => browser.open().pawl.session())
      },
      close: () => {
        this.note(`${at} is closed`)
        tab.close()
      },
      hide: () => {
        tab.document.visibilityState = tab.document.visibilityState === "visible" ? "hidden" : "visible"
        tab.fire("visibilitychange")
      },
      freeze: () => {
        if (tab.unfinished.size) return // a browser does not freeze a page within a transaction
        this.note(`${at} freezes`)
        tab.freeze()
      },
      thaw: () => {
        for (const tab of browser.tabs.filter(tab => tab.isFrozen)) tab.thaw()
      },
      fault: () => {
        const fault = this.pick(faults)
        this.note(`next: ${fault.status ?? fault}`)
        world.faults.push(fault)
      },
    }
    const weights = { fetch: 6, session: 3, signIn: 2, signOut: 1, stepUp: 2, wrong: 1, change: 1, open: 3, close: 1, hide: 1,
      freeze: 1, thaw: 2, fault: 5 }
    const names = Object.entries(weights).flatMap(([name, weight]) => Array(weight).fill(name))
    moves[this.pick(names)]()
  }

  async run() {
    const { browser, world } = this
    const events = () => browser.tabs.map(tab => tab.events.join(", "))
    try {
      for (let step = 0; step < 60; step++) {
        this.act()
        await world.pass(this.pick([1, 5, 20, 100, 1_000, 10_000, 100_000, 800_000]))
        for (const session of world.server.sessions.values()) {
          assert.notEqual(session.ended, "reused", "an honest session passed for stolen")
        }
      }
      world.faults = []
      for (const tab of browser.tabs.filter(tab => tab.isFrozen)) tab.thaw()
      await world.pass(120_000)
      await this.#agree()
    } catch (error) {
      error.message += `\n${this.log.slice(-40).join("\n")}\n${events().join("\n")}`
      throw error
    }
  }

  async #agree() {
    const { browser, world } = this
    const tabs = [...browser.tabs, browser.open()]
    for (const tab of tabs) tab.document.visibilityState = "visible"
    for (let round = 0; round < 2; round++) {
      for (const tab of tabs) tab.fire("visibilitychange")
      await world.pass(1_000)
    }
    const inForce = world.server.session(browser.cookie)
    const expected = inForce && !inForce.ended ? inForce.id : undefined
    for (const tab of tabs) assert.equal((await world.until(tab.pawl.session()))?.sessionID, expected)
    assert.equal(browser.record.signOut ?? false, false)
  }
}

test(`${histories} random histories end well`, async () => {
  for (let seed = 1; seed <= histories; seed++) {
    try {
      await new History(seed).run()
    } catch (error) {
      error.message = `history ${seed}: ${error.message}`
      throw error
    }
  }
})
