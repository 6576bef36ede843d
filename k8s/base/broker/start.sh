# Runs the broker and leaves its number for reload.sh; the container's processes see each other.
echo $$ >"$RUN_DIR/mosquitto.pid"
exec mosquitto -c "$CONFIG_DIR/mosquitto.conf"
