// HTTP/2 over TLS in front of an HTTP/1 server, because WorkOS speaks it: `node h2.js TLS_DIR PORT`. Says its own port;
// ends with its standard input.
const fs = require("fs"), http = require("http"), http2 = require("http2");
const [dir, port] = process.argv.slice(2);
const plain = (headers) => Object.fromEntries(Object.entries(headers).filter(
  ([k]) => !k.startsWith(":") && !["connection", "keep-alive", "transfer-encoding", "host"].includes(k)));
const server = http2.createSecureServer({ key: fs.readFileSync(dir + "/key.pem"), cert: fs.readFileSync(dir + "/cert.pem") });
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  const to = { host: "127.0.0.1", port, method: headers[":method"], path: headers[":path"], headers: plain(headers) };
  const request = http.request(to, (answer) => {
    stream.respond({ ":status": answer.statusCode, ...plain(answer.headers) });
    answer.pipe(stream);
  });
  request.on("error", () => stream.destroy());
  stream.pipe(request);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
