"""The machine: open files, facts for reports, child servers, server metrics."""
