<?php
// Binds a number through dyplsq, waits for the outcome, and receives callbacks. PHP 8.1 or later; no extensions.
//
//   export DYPLSQ_URL=http://127.0.0.1:8070 DYPLSQ_TOKEN=...        # of dyplsq serve, and dyplsq token new
//   php client.php bind order-1 FC100000000001 13900000001 '2099-01-31 23:59:59'
//
//   export WEBHOOK_SECRET=whsec_... PORT=8090                       # the secret of the endpoint
//   php -S 127.0.0.1:$PORT client.php                               # or as a script of your web server
declare(strict_types=1);

const WAIT = '30s';
const TIMEOUT = 45; // seconds, longer than WAIT
const GIVE_UP = 120; // seconds: a request is repeated for so long
const TOLERANCE = 300; // seconds, of a callback's timestamp
const MAX_BODY = 1 << 20;

/** An RFC 9457 problem that no repetition mends. */
final class Problem extends RuntimeException
{
    public function __construct(int $status, array $problem)
    {
        $title = $problem['title'] ?? 'not a problem of dyplsq';
        $lines = ["$status $title. " . ($problem['detail'] ?? '')];
        foreach ($problem['errors'] ?? [] as $error) {
            $lines[] = "  {$error['field']}: {$error['rule']}; {$error['remedy']}";
        }
        parent::__construct(implode("\n", $lines));
    }
}

/** Sends a request, again and again while the server is out of reach, overloaded or without Redis. */
function call(string $method, string $path, array $headers = [], string $body = ''): array
{
    $headers[] = 'Authorization: Bearer ' . getenv('DYPLSQ_TOKEN');
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => $headers,
        'content' => $body,
        'timeout' => TIMEOUT,
        'ignore_errors' => true, // so that the body of a problem is read
        'follow_location' => 0,
    ]]);
    $deadline = microtime(true) + GIVE_UP;
    for ($pause = 0.5;; $pause = min(2 * $pause, 10)) {
        $delay = $pause * random_int(50, 100) / 100;
        $http_response_header = [];
        $text = @file_get_contents((getenv('DYPLSQ_URL') ?: 'http://127.0.0.1:8070') . $path, false, $context);
        $status = (int) substr($http_response_header[0] ?? '', 9, 3);
        $answer = json_decode((string) $text, true);
        if ($status >= 200 && $status < 300 && is_array($answer)) {
            return $answer;
        }
        if ($status >= 400 && $status < 500 && $status !== 429) {
            throw new Problem($status, $answer ?? []);
        }
        $why = trim("$status " . ($answer['title'] ?? 'no answer: refused, reset, timed out or cut off'));
        foreach ($http_response_header as $header) {
            if (preg_match('/^Retry-After: *(\d+)$/i', $header, $matches)) {
                $delay = max($delay, (int) $matches[1]);
            }
        }
        if (microtime(true) + $delay > $deadline) {
            throw new RuntimeException("gave up: $why; run it again with the same key");
        }
        fprintf(STDERR, "%s; repeating in %.1f s\n", $why, $delay);
        usleep((int) ($delay * 1_000_000));
    }
}

/** Binds under a key. Whoever repeats it with the same key and request gets the same task, and one binding. */
function bind(string $key, string $poolKey, string $phone, string $expiration): array
{
    $request = ['PoolKey' => $poolKey, 'PhoneNoA' => $phone, 'Expiration' => $expiration];
    $body = json_encode(['action' => 'BindAxn', 'request' => $request], JSON_THROW_ON_ERROR);
    call('POST', '/v1/tasks', ['Content-Type: application/json', "Idempotency-Key: $key"], $body);
    do {
        $outcome = call('GET', '/v1/tasks/' . rawurlencode($key) . '?wait=' . WAIT);
    } while ($outcome['state'] === 'pending');
    return $outcome; // succeeded, failed or uncertain
}

/** Tells whether a callback is dyplsq's, by Standard Webhooks. The body must be as it came. */
function verify(string $id, string $timestamp, string $signatures, string $body): bool
{
    $key = base64_decode(preg_replace('/^whsec_/', '', (string) getenv('WEBHOOK_SECRET')), true);
    if (!$key || $id === '' || !ctype_digit($timestamp) || abs(time() - (int) $timestamp) > TOLERANCE) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $signatures) as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}

function receive(): int
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $body = (string) file_get_contents('php://input', length: MAX_BODY + 1);
    if (strlen($body) > MAX_BODY) {
        return 413;
    }
    if (!verify($id, $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '', $body)) {
        return 401;
    }
    $event = json_decode($body, true, flags: JSON_THROW_ON_ERROR);
    // An event may come more than once: record its webhook-id, which is unique,
    // in the transaction that acts on it.
    $data = $event['data'];
    $about = $data['id'] ?? $data['call_id'] ?? $data['endpoint'] ?? '';
    error_log("$id {$event['type']} $about " . ($data['state'] ?? ''));
    return 204;
}

if (PHP_SAPI !== 'cli') {
    http_response_code(receive());
    exit;
}
if ($argc !== 6 || $argv[1] !== 'bind' || !getenv('DYPLSQ_TOKEN')) {
    fwrite(STDERR, "usage: bind KEY POOL_KEY PHONE EXPIRATION (DYPLSQ_TOKEN)\n");
    exit(2);
}
try {
    $outcome = bind(...array_slice($argv, 2));
} catch (RuntimeException $e) {
    fwrite(STDERR, $e->getMessage() . "\n");
    exit(1);
}
echo json_encode($outcome, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
exit($outcome['state'] === 'succeeded' ? 0 : 1);
