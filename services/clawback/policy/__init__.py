"""The council's surplus policy as dated data: which version holds on a day. It knows no case and no run."""
