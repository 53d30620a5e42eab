// The token is in the address of the first request alone: a screen share would show it.
history.replaceState(null, "", "/");
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
document.getElementById("terminal").dataset.sessionWebsocketUrl = `${scheme}//${location.host}/ws`;
