# Has the broker read its certificate again when it was renewed, and once at the start; connections go on.
known=""
while sleep "$EVERY_SECONDS"; do
    now=$(cat "$CERTS_DIR/tls.crt" "$CERTS_DIR/tls.key" | sha256sum)
    if [ "$now" != "$known" ] && kill -HUP "$(cat "$RUN_DIR/mosquitto.pid")"; then
        known=$now
        echo "told the broker to read its certificate"
    fi
done
