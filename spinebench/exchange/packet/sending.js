"use strict";
// Hands ratings in to the server one after the other, each again until it is answered. The server knows a rating
// that it has already, so that sending one twice adds nothing.
window.openSending = (server, { waiting, taken, refused, say }) => {
  const AGAIN_MS = 3000, GIVE_UP_MS = 20000;
  const REFUSED = [400, 404, 409, 422];
  let busy = false, timer = null;

  async function send() {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    try {
      for (let next = waiting(); next !== null; next = waiting()) {
        const reply = await fetch(server.submit, {
          method: "POST", body: JSON.stringify(next), credentials: "same-origin", redirect: "error",
          headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(GIVE_UP_MS),
        });
        const nobody = { 401: "signed out", 403: "somebody else" }[reply.status];
        if (nobody !== undefined) { say(nobody); timer = setTimeout(send, AGAIN_MS); return; }
        // What is not an answer of the server itself, such as a page of the network in between, decides nothing.
        if (!reply.ok && !REFUSED.includes(reply.status)) throw new Error(String(reply.status));
        const answer = await reply.json();
        if (typeof answer?.[reply.ok ? "rating_id" : "reason"] !== "string") throw new Error("no answer");
        if (reply.ok) taken(next, answer);
        else refused(next, answer);
      }
      say("");
    } catch {
      say("offline");
      timer = setTimeout(send, AGAIN_MS);
    } finally { busy = false; }
  }

  window.addEventListener("online", send);
  return send;
};
