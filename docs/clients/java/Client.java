// Binds a number through dyplsq, waits for the outcome, and receives callbacks. Java 17 or later; no libraries.
//
//   export DYPLSQ_URL=http://127.0.0.1:8070 DYPLSQ_TOKEN=...        # of dyplsq serve, and dyplsq token new
//   java Client.java bind order-1 FC100000000001 13900000001 '2099-01-31 23:59:59'
//
//   export WEBHOOK_SECRET=whsec_... PORT=8090                       # the secret of the endpoint
//   java Client.java receive
//
// The JDK reads no JSON: patterns stand in for the Jackson or Gson that an application has.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Client {
    static final String WAIT = "30s";
    static final Duration TIMEOUT = Duration.ofSeconds(45); // longer than WAIT
    static final Duration GIVE_UP = Duration.ofMinutes(2); // a request is repeated for so long
    static final long TOLERANCE_S = 300; // of a callback's timestamp
    static final int MAX_BODY = 1 << 20;
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    /** An RFC 9457 problem that no repetition mends. */
    static final class Problem extends IOException {
        Problem(int status, String body) {
            super(status + " " + member(body, "title") + ". " + member(body, "detail") + errors(body));
        }

        private static String errors(String body) {
            StringBuilder lines = new StringBuilder();
            Pattern.compile("\\{\"field\":[^{}]*}").matcher(body).results().map(MatchResult::group).forEach(e ->
                lines.append("\n  " + member(e, "field") + ": " + member(e, "rule") + "; " + member(e, "remedy")));
            return lines.toString();
        }
    }

    /** Sends a request, again and again while the server is out of reach, overloaded or without Redis. */
    static String call(String path, HttpRequest.Builder builder) throws IOException, InterruptedException {
        HttpRequest request = builder.uri(URI.create(env("DYPLSQ_URL", "http://127.0.0.1:8070") + path))
            .header("Authorization", "Bearer " + env("DYPLSQ_TOKEN", "")).timeout(TIMEOUT).build();
        Instant deadline = Instant.now().plus(GIVE_UP);
        for (long pause = 500; ; pause = Math.min(2 * pause, 10_000)) {
            long delay = ThreadLocalRandom.current().nextLong(pause / 2, pause);
            String why;
            try {
                var response = HTTP.send(request, BodyHandlers.ofString());
                int status = response.statusCode();
                if (status / 100 == 2) {
                    return response.body();
                }
                if (status / 100 == 4 && status != 429) {
                    throw new Problem(status, response.body());
                }
                why = status + " " + member(response.body(), "title");
                delay = Math.max(delay, 1000 * response.headers().firstValue("Retry-After")
                    .filter(s -> s.matches("\\d{1,5}")).map(Long::parseLong).orElse(0L));
            } catch (Problem e) {
                throw e;
            } catch (IOException e) { // refused, reset or timed out
                why = e.toString();
            }
            if (Instant.now().plusMillis(delay).isAfter(deadline)) {
                throw new IOException("gave up: " + why + "; run it again with the same key");
            }
            System.err.println(why + "; repeating in " + delay + " ms");
            Thread.sleep(delay);
        }
    }

    /** Binds under a key. Whoever repeats it with the same key and request gets the same task, and one binding. */
    static String bind(String key, String poolKey, String phone, String expiration)
        throws IOException, InterruptedException {
        String body = """
            {"action": "BindAxn", "request": {"PoolKey": %s, "PhoneNoA": %s, "Expiration": %s}}
            """.formatted(quote(poolKey), quote(phone), quote(expiration));
        call("/v1/tasks", HttpRequest.newBuilder().header("Content-Type", "application/json")
            .header("Idempotency-Key", key).POST(BodyPublishers.ofString(body)));
        String id = URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20");
        String outcome;
        do {
            outcome = call("/v1/tasks/" + id + "?wait=" + WAIT, HttpRequest.newBuilder().GET());
        } while (member(outcome, "state").equals("pending"));
        return outcome; // succeeded, failed or uncertain
    }

    /** Tells whether a callback is dyplsq's, by Standard Webhooks. The body must be as it came. */
    static boolean verify(String id, String timestamp, String signatures, byte[] body) throws GeneralSecurityException {
        if (id == null || timestamp == null || signatures == null || !timestamp.matches("\\d{1,12}")
            || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > TOLERANCE_S) {
            return false;
        }
        byte[] secret = Base64.getDecoder().decode(env("WEBHOOK_SECRET", "").replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        mac.update(utf8(id + "." + timestamp + "."));
        byte[] expected = utf8("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body)));
        return Stream.of(signatures.split(" ")).anyMatch(given -> MessageDigest.isEqual(expected, utf8(given)));
    }

    static void receive(HttpExchange exchange) throws IOException {
        try (exchange) {
            var headers = exchange.getRequestHeaders();
            String id = headers.getFirst("webhook-id");
            String timestamp = headers.getFirst("webhook-timestamp");
            String signatures = headers.getFirst("webhook-signature");
            byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
            int status = 204;
            if (body.length > MAX_BODY) {
                status = 413;
            } else if (!verify(id, timestamp, signatures, body)) {
                status = 401;
            } else {
                // An event may come more than once: record its webhook-id, which is unique,
                // in the transaction that acts on it.
                String event = new String(body, StandardCharsets.UTF_8);
                String about = Stream.of("id", "call_id", "endpoint").map(name -> member(event, name))
                    .filter(value -> !value.isEmpty()).findFirst().orElse("");
                System.out.println(String.join(" ", id, member(event, "type"), about, member(event, "state")));
            }
            exchange.sendResponseHeaders(status, -1);
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    /** The first member of a name that is a string. */
    static String member(String json, String name) {
        var found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return found.find() ? found.group(1).replaceAll("\\\\([\"\\\\/])", "$1") : "";
    }

    static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    public static void main(String[] args) throws Exception {
        String command = args.length > 0 ? args[0] : "";
        if (command.equals("bind") && args.length == 5 && !env("DYPLSQ_TOKEN", "").isEmpty()) {
            try {
                String outcome = bind(args[1], args[2], args[3], args[4]);
                System.out.println(outcome.strip());
                System.exit(member(outcome, "state").equals("succeeded") ? 0 : 1);
            } catch (IOException e) {
                System.err.println(e.getMessage());
                System.exit(1);
            }
        } else if (command.equals("receive") && !env("WEBHOOK_SECRET", "").isEmpty()) {
            var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(env("PORT", "8090")));
            HttpServer server = HttpServer.create(address, 0);
            server.setExecutor(Executors.newFixedThreadPool(8));
            server.createContext("/", Client::receive);
            server.start();
            System.out.println("receiving callbacks on 127.0.0.1:" + address.getPort());
        } else {
            System.err.println("usage: bind KEY POOL_KEY PHONE EXPIRATION (DYPLSQ_TOKEN) | receive (WEBHOOK_SECRET)");
            System.exit(2);
        }
    }
}
