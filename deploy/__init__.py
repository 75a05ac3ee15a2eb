"""What an operator runs beside the server: rules and dashboards, made and checked here."""
