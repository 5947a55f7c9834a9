const settings = await (await fetch("settings.json")).json()
const { createPawl } = await import(`${settings.pawl}/pawl.js`)

const pawl = createPawl({ baseURL: settings.pawl, apiOrigins: [settings.api] })
const $ = id => document.getElementById(id)
const notes = `${settings.api}/notes`

function log(text) {
  const entry = document.createElement("li")
  entry.textContent = `${new Date().toLocaleTimeString()} ${text}`
  $("log").prepend(entry)
}

/** Does what a person asked for, and says plainly what came of it. */
async function perform(work) {
  $("notice").textContent = ""
  try {
    await work()
  } catch (error) {
    $("notice").textContent = error.message
    log(error.message)
  }
}

async function call(method, url, body) {
  const init = { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} }
  const answer = await pawl.fetch(url, init)
  log(`${method} ${new URL(url).pathname}: ${answer.status}`)
  if (answer.status === 403) throw new Error("403: your roles do not allow that.")
  if (!answer.ok) throw new Error(`The API answered ${answer.status}.`)
  return answer
}

async function showNotes() {
  const list = await (await call("GET", notes)).json()
  $("notes").replaceChildren(...list.map(({ id, text }) => {
    const item = document.createElement("li")
    const remove = document.createElement("button")
    item.textContent = text
    remove.textContent = "Delete"
    remove.setAttribute("aria-label", `Delete ${text}`)
    remove.onclick = () => perform(() => call("DELETE", `${notes}/${id}`).then(showNotes))
    item.append(remove)
    return item
  }))
}

let end = 0

async function show() {
  const session = await pawl.session()
  $("sign-in").hidden = Boolean(session)
  $("signed-in").hidden = !session
  if (!session) return
  end = performance.now() + session.expiresIn * 1000
  $("who").textContent = session.identifier
  $("roles").textContent = session.roles.length ? `(${session.roles.join(", ")})` : "(no roles)"
  await showNotes()
}

$("account").href = `${settings.pawl}/account`
$("sign-out").onclick = () => perform(pawl.signOut)
$("sign-in").onsubmit = event => {
  event.preventDefault()
  const { identifier, password } = Object.fromEntries(new FormData(event.target))
  const enter = event.submitter?.value === "register" ? pawl.register : pawl.signIn
  perform(async () => {
    await enter({ identifier, password })
    event.target.reset()
  })
}
$("new-note").onsubmit = event => {
  event.preventDefault()
  const { text } = Object.fromEntries(new FormData(event.target))
  event.target.reset()
  perform(() => call("POST", notes, { text }).then(showNotes))
}
setInterval(() => ($("left").textContent = Math.max(0, Math.round((end - performance.now()) / 1000))), 500)

pawl.on("signedin", () => log("signed in"))
pawl.on("refreshed", () => log("refreshed: a new access token"))
pawl.on("changed", () => log("somebody else signed in"))
pawl.on("stolen", () => ($("notice").textContent = "A copy of your session was used, so it was ended. Sign in again."))
pawl.on("signedout", ({ reason }) => log(`signed out: ${reason}`))
for (const type of ["signedin", "signedout", "changed", "refreshed"]) pawl.on(type, () => perform(show))
perform(show)
