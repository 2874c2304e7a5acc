// What ours is compared with: the least signaling server over `ws`, and over Socket.IO.
// Both parse a message, stamp who it is from and write it anew. Socket.IO's also does what a
// join means: checks the JWT, tells the roster and gives TURN credentials.
const crypto = require("node:crypto");
const http = require("node:http");

const [kind, secret] = process.argv.slice(2);
const server = http.createServer();
const newId = () => crypto.randomBytes(16).toString("base64url");

function verify(token) {
  const [header, claims, signature] = token.split(".");
  const right = crypto.createHmac("sha256", secret).update(`${header}.${claims}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== right.length || !crypto.timingSafeEqual(given, right)) throw new Error("bad token");
  if (JSON.parse(Buffer.from(header, "base64url")).alg !== "HS256") throw new Error("bad token");
  const said = JSON.parse(Buffer.from(claims, "base64url"));
  if (said.exp < Date.now() / 1000) throw new Error("expired");
  return said;
}

function iceServers(room, you) {
  const username = `${Math.floor(Date.now() / 1000) + 600}:${room}:${you}`;
  const credential = crypto.createHmac("sha1", "turn-secret").update(username).digest("base64");
  return [{ urls: ["turn:turn.example.org"], username, credential }];
}

if (kind === "ws") {
  const { WebSocketServer } = require("ws");
  const people = new Map();
  new WebSocketServer({ server, path: "/ws", perMessageDeflate: false }).on("connection", (socket) => {
    const you = newId();
    people.set(you, socket);
    socket.on("close", () => people.delete(you));
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.type === "hello") return socket.send(JSON.stringify({ type: "joined", you }));
      const { to, ...rest } = message;
      people.get(to)?.send(JSON.stringify({ ...rest, from: you }));
    });
  });
} else {
  const { Server } = require("socket.io");
  const io = new Server(server, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
  io.on("connection", (socket) => {
    socket.on("hello", (hello) => {
      const { room } = verify(hello.token);
      const roster = [...(io.sockets.adapter.rooms.get(room) ?? [])].map((id) => ({ id, ...io.sockets.sockets.get(id).data }));
      socket.data = { name: hello.name, media: hello.media };
      socket.to(room).emit("participant-joined", { id: socket.id, ...socket.data });
      socket.join(room);
      socket.on("disconnect", () => socket.to(room).emit("participant-left", { id: socket.id }));
      socket.emit("joined", { you: socket.id, room, participants: roster, ice_servers: iceServers(room, socket.id) });
    });
    socket.on("signal", ({ to, ...rest }) => socket.to(to).emit("signal", { ...rest, from: socket.id }));
  });
}
server.listen(0, "127.0.0.1", () => console.log(`at http://127.0.0.1:${server.address().port}`));
