"""HTTP to where packages come from: what is believed, followed and sent, and to whom."""
