"""OpenVINO IR: OpenVINO's converter and NNCF."""

from asmnet_edge.io.system import block_usage_reports

block_usage_reports()  # before the modules of this package import OpenVINO and NNCF
