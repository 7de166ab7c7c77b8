"""The only room that talks to Microsoft: login, Graph, and what their answers mean."""
