"""What people who operate Storehand look at: rules, dashboards and pictures of them. Nothing here imports torch."""
