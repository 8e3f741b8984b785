/* A tablet in a patient's hands: half a form is kept as it is typed, the page goes to the lock by itself, and other tabs of this browser are told. */
import "./autosave.js";
import { each } from "./dom.js";

each("[data-handed-over]", ({ dataset }) => {
  // The server counts; this screen only keeps step with it.
  const left = Date.parse(dataset.endsAt) - Date.parse(dataset.now);
  const lock = () => {
    document.dispatchEvent(new CustomEvent("page:leaves"));
    location.replace(dataset.lockUrl);
  };
  setTimeout(lock, Math.max(0, left) + 1000);
  if ("BroadcastChannel" in window) new BroadcastChannel("stratum-handed-over").postMessage("held");
});

// A page that the browser had put aside may be of before: ask the server which one is due.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
