"""OpenVINO IR: OpenVINO's converter and NNCF."""
